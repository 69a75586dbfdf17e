"""Mixup and CutMix: clips and targets tell the same blend, worked out by hand."""

import numpy as np
import pytest
import torch

from partway.schema_training import Cutmix, Mixup, Training
from partway.training.mixing import cut_box, mix

MIXUP, CUTMIX = Training(mixup=Mixup()), Training(cutmix=Cutmix())


def test_mixup_blends_clips_and_targets_alike():
    video = torch.arange(8.0).reshape(8, 1, 1, 1, 1)
    labels = torch.arange(8)
    mixed, targets = mix(video, labels, 8, Training(mixup=Mixup(alpha=0.8)), at=(0, 1, 2))
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(8))
    # Each clip holds its own index as its value, so target and clip must tell the same blend.
    torch.testing.assert_close(mixed.flatten(), targets @ torch.arange(8.0))
    own = torch.diagonal(targets)
    lowest = own.min()
    assert ((own - lowest).abs() < 1e-6).logical_or(own == 1).all()  # one lambda for the whole batch


def test_mixup_is_decided_by_its_place_alone():
    video, labels = torch.randn(6, 1, 1, 2, 2), torch.arange(6)
    first = mix(video, labels, 6, MIXUP, at=(0, 1, 2))
    torch.manual_seed(99)
    again = mix(video, labels, 6, MIXUP, at=(0, 1, 2))
    other = mix(video, labels, 6, MIXUP, at=(0, 1, 3))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])


def test_mixup_happens_as_often_as_it_says():
    video, labels = torch.randn(4, 1, 1, 2, 2), torch.arange(4)
    for prob, share in ((None, 0.0), (0.5, 0.5), (1.0, 1.0)):
        options = Training(mixup=None if prob is None else Mixup(prob=prob))
        mixed = [not torch.equal(mix(video, labels, 4, options, at=(0, 1, n))[0], video) for n in range(300)]
        assert abs(np.mean(mixed) - share) < 0.1


def numbered_clips(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips whose every value is their index, and labels alike: what a clip holds says whose it is."""
    labels = torch.arange(count)
    return labels.float()[:, None, None, None, None].expand(count, 3, 2, 8, 12).clone(), labels


def test_cutmix_pastes_one_box_into_every_frame_and_weighs_targets_by_its_area():
    video, labels = numbered_clips(6)
    boxes = 0
    for batch in range(8):
        mixed, targets = mix(video, labels, 6, CUTMIX, at=(0, 1, batch))
        assert torch.equal(mixed, mixed[:, :1, :1].expand_as(mixed)), "all frames and channels have the same box"
        pasted = mixed[:, 0, 0] != video[:, 0, 0]
        for clip in range(6):
            share = pasted[clip].float().mean()  # of the exact area, not of the lambda that was drawn
            other = int(mixed[clip, 0, 0][pasted[clip]].unique()) if share else clip
            wanted = torch.zeros(6).index_add(0, torch.tensor([clip, other]), torch.stack([1 - share, share]))
            torch.testing.assert_close(targets[clip], wanted if share else torch.eye(6)[clip])
            rows, columns = pasted[clip].any(dim=1).sum(), pasted[clip].any(dim=0).sum()
            assert pasted[clip].sum() == rows * columns, "a box"
            boxes += bool(share)
        shares = {round(float(share), 6) for share in pasted.float().mean(dim=(1, 2)) if share}
        assert len(shares) <= 1, "one lambda a micro-batch"
    assert boxes > 20
    assert torch.equal(video, numbered_clips(6)[0]), "the clips that came in are as they were"


class Fixed:
    """A generator whose next whole numbers are known."""

    def __init__(self, *numbers: int):
        self.numbers = iter(numbers)

    def integers(self, _: int) -> int:
        return next(self.numbers)


def test_the_box_by_hand():
    # A quarter of the area: half of each side, 4 x 6 of 8 x 12, around row 4 and column 6.
    assert cut_box(8, 12, 0.75, Fixed(4, 6)) == ((slice(2, 6), slice(3, 9)), 0.75)
    # Around the upper left corner a quarter of it is left, 2 x 3, and lambda says so.
    assert cut_box(8, 12, 0.75, Fixed(0, 0)) == ((slice(0, 2), slice(0, 3)), 1 - 6 / 96)
    assert cut_box(8, 12, 1.0, Fixed(3, 3))[1] == 1


def test_cutmix_is_decided_by_its_place_alone():
    video, labels = torch.randn(6, 2, 1, 8, 8), torch.arange(6)
    first, again, other = (mix(video, labels, 6, CUTMIX, at=(0, 1, place))[0] for place in (2, 2, 3))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("switch", [0.2, 0.7])
def test_beside_mixup_cutmix_takes_the_share_that_switch_says(switch):
    video, labels = numbered_clips(6)
    options = Training(mixup=Mixup(), cutmix=Cutmix(switch=switch))
    blended = 0
    for batch in range(300):
        mixed, _ = mix(video, labels, 6, options, at=(0, 1, batch))
        blended += not torch.equal(mixed, mixed.round())  # CutMix leaves whole numbers
    assert abs(blended / 300 - (1 - switch)) < 0.1


def test_cutmix_happens_as_often_as_it_says():
    video, labels = torch.randn(4, 1, 1, 16, 16), torch.arange(4)
    options = Training(cutmix=Cutmix(prob=0.5))
    mixed = [not torch.equal(mix(video, labels, 4, options, at=(0, 1, n))[0], video) for n in range(300)]
    assert abs(np.mean(mixed) - 0.5) < 0.1
