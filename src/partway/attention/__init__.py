"""What a trained model attends to in videos of the test split: recorded, followed through its layers, drawn on frames."""
