"""What other benchmarks print of a call's operators; nothing by itself."""

from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile


def print_profile(call: Callable[[], object], rows: int):
    """Print the operators that a call spends most in, by their own time, with their share of all operators' time."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
    on = "device" if torch.cuda.is_available() else "cpu"
    with profile(activities=activities) as recorded:
        call()
    spent = {each.key: (getattr(each, f"self_{on}_time_total"), each.count) for each in recorded.key_averages()}
    total = sum(time for time, _ in spent.values())
    for name, (time, count) in sorted(spent.items(), key=lambda item: -item[1][0])[:rows]:
        print(f"    {name[:44]:46s}{time / 1000:9.1f} ms{time / total:6.0%}{count:7d} calls")
