"""Whether bfloat16 or float32 trains faster on this machine.

python benchmarks/precision.py --sizes 128 192 --threads 1

Forward and backward of 16 inputs through the xs student, in float32, the baseline, and in bfloat16, in turns. Printed
are the median seconds of each and the ratio, beside what `--precision auto` takes.
"""

import argparse
import time
from pathlib import Path
from statistics import median

import torch

from distill.networks.registry import create, heads_of
from distill.pose.skeleton import COCO_17
from distill.system.choice import Choice
from distill.system.devices import choose_precision

BATCH = 16
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
STUDENT = Choice("attention_xs")


def seconds(network: torch.nn.Module, images: torch.Tensor, dtype: torch.dtype) -> float:
    """Wall time of one forward and backward pass."""
    started = time.perf_counter()
    with torch.autocast(images.device.type, dtype, enabled=dtype != torch.float32):
        loss = sum(maps.float().square().mean() for maps in network(images).values())
    loss.backward()
    network.zero_grad()
    if images.device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def processor() -> str:
    """Its name and those of `FLAGS` that it has."""
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return "unknown processor"
    text = information.read_text()
    name = next((line.partition(": ")[2] for line in text.splitlines() if line.startswith("model name")), "unknown")
    return f"{name}, {', '.join(flag for flag in FLAGS if f' {flag} ' in text) or 'none of the flags asked for'}"


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 192], help="sides of the inputs, pixels")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--runs", type=int, default=15, help="passes of each kind, after two that do not count")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = create(STUDENT, heads_of(STUDENT, {}), COCO_17).to(device, memory_format=torch.channels_last).train()
    where = torch.cuda.get_device_name() if device.type == "cuda" else processor()
    print(f"{where}; {arguments.threads} thread(s); auto takes {choose_precision('auto')}")
    for size in arguments.sizes:
        images = torch.rand(BATCH, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
        times = {torch.float32: [], torch.bfloat16: []}
        for run in range(arguments.runs + 2):
            for dtype, taken in times.items():
                spent = seconds(network, images, dtype)
                if run >= 2:
                    taken.append(spent)
        full, half = (median(taken) for taken in times.values())
        print(f"{size:4d} pixels: float32 {full:.3f} s, bfloat16 {half:.3f} s, ratio {full / half:.2f}")


if __name__ == "__main__":
    main()
