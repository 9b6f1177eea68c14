"""Batch normalisation made part of the convolutions before it, which a network that only answers does not need."""

from collections import Counter

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights


def fold_norms(network: nn.Module) -> None:
    """Fold each batch normalisation that follows a convolution into it; answers stay the same but for rounding.

    A network whose way depends on what it is shown is left as it is.

    Args:
        network: in evaluation mode; changed in place.
    """
    try:
        graph = fx.Tracer().trace(network)
    except Exception:
        # A tracer raises whatever a network raises that is shown a placeholder.
        return
    modules = dict(network.named_modules())
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    for norm in graph.nodes:
        if norm.op != "call_module" or not isinstance(modules[norm.target], nn.BatchNorm2d):
            continue
        convolution = norm.args[0]
        if (
            convolution.op == "call_module"
            and isinstance(modules[convolution.target], nn.Conv2d)
            and len(convolution.users) == 1
            and calls[convolution.target] == calls[norm.target] == 1
        ):
            before, after = modules[convolution.target], modules[norm.target]
            statistics = after.running_mean, after.running_var, after.eps, after.weight, after.bias
            before.weight, before.bias = fuse_conv_bn_weights(before.weight, before.bias, *statistics)
            network.set_submodule(norm.target, nn.Identity())
