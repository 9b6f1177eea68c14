"""What the hardware does natively."""

import torch

from distill.errors import InputError


def choose_precision(precision: str) -> str:
    """`float32` or `bfloat16`; `auto` takes bfloat16 where GPU or CPU compute in it natively."""
    if precision != "auto":
        if precision not in ("float32", "bfloat16"):
            raise InputError(f"precision must be auto, float32 or bfloat16, not {precision!r}")
        return precision
    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if native else "float32"
