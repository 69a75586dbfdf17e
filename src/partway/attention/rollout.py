"""Attention rollout: how much of what the head reads comes from which token of the input.

S. Abnar and W. Zuidema, Quantifying Attention Flow in Transformers, 2020. It follows attention and residual paths, and
knows nothing of values, of MLPs, nor of the class: it says where a model looks, not why it answers as it does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from partway.models.attended import Attended


def rollout(attentions: Sequence[torch.Tensor], read: slice) -> torch.Tensor:
    """Follow what the head reads back through all layers: the mean of these rows of the product of 0.5 A + 0.5 I.

    Rows are multiplied with one layer after the other, the last first: the product itself, of thousands by thousands of
    tokens, is never made.

    Args:
        attentions: of each layer, the first first, attention_BNN; a row says where a token looks, and sums to 1.
        read: the tokens that the head reads.

    Returns:
        shares_BN of the tokens, which sum to 1.
    """
    shares_BN = torch.zeros_like(attentions[0][:, 0])
    shares_BN[:, read] = 1
    shares_BN = _as_shares(shares_BN)
    for attention_BNN in reversed(attentions):
        looked_BN = torch.einsum("bn,bnm->bm", shares_BN, _as_shares(attention_BNN))
        shares_BN = 0.5 * looked_BN + 0.5 * shares_BN
    return shares_BN


def heat_map(shares_BN: torch.Tensor, attended: Attended) -> torch.Tensor:
    """Lay the shares of the patches out in time and space; 1 is an even share.

    Args:
        shares_BN: B is 1 for attention over a whole clip, or the frames of a model that looks at one at a time.
        attended: says where the patches are; class and register tokens are left out.

    Returns:
        heat_THW, one map a time step of tokens, whose mean is 1.
    """
    heat_THW = shares_BN[:, attended.first :].reshape(-1, *attended.grid)
    return heat_THW / heat_THW.mean()


def _as_shares(rows: torch.Tensor) -> torch.Tensor:
    return rows / rows.sum(dim=-1, keepdim=True)
