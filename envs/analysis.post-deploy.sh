# Snakemake runs this in the new environment, in the folder it was called in: the clone.
set -e
python -m pip install --constraint envs/constraints.txt .
