"""What is rounded has as many values as int8 has, gradients go through, and nothing of it stays."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from distill.networks.eight_bits import round_activations, rounded_weights

LAYERS = [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, groups=4), nn.ConvTranspose2d(3, 4, 2), nn.Linear(5, 4)]


@pytest.mark.parametrize("layer", LAYERS)
def test_weights_are_rounded_by_output_channel_and_come_back(layer):
    before = layer.weight.detach().clone()
    with rounded_weights(layer):
        inside = layer.weight.detach().clone()
    assert torch.equal(layer.weight, before) and not torch.equal(inside, before)
    channels = (0, 1)[isinstance(layer, nn.ConvTranspose2d)]
    for was, now in zip(before.unbind(channels), inside.unbind(channels), strict=True):
        step = was.abs().max() / 127
        torch.testing.assert_close(now / step, (now / step).round(), atol=1e-4, rtol=0)
        assert (now - was).abs().max() <= step / 2 * 1.001


@given(st.floats(0.01, 100))
def test_a_normalisation_that_is_folded_in_changes_nothing(factor):
    layer = nn.Conv2d(3, 4, 3)
    with rounded_weights(layer):
        rounded = factor * layer.weight.detach()
    with torch.no_grad():
        layer.weight.mul_(factor)
    with rounded_weights(layer):
        torch.testing.assert_close(layer.weight, rounded)


def test_weights_come_back_after_an_error_and_frozen_ones_are_left_alone():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3).requires_grad_(False))
    before = [layer.weight.detach().clone() for layer in network]
    with pytest.raises(ValueError), rounded_weights(network):
        assert torch.equal(network[1].weight, before[1])
        raise ValueError
    assert all(torch.equal(layer.weight, weight) for layer, weight in zip(network, before, strict=True))


def test_gradients_are_those_at_the_rounded_weights():
    layer, image = nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8)
    with rounded_weights(layer):
        layer(image).square().sum().backward()
        rounded = layer.weight.detach().clone().requires_grad_()
    functional.conv2d(image, rounded, layer.bias.detach()).square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, rounded.grad)


def test_activations_have_256_values_in_training_and_all_of_them_else():
    seen = []
    layer = nn.Conv2d(1, 1, 1)
    round_activations(layer)
    layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    image = torch.randn(1, 1, 100, 100, requires_grad=True)
    layer(image).sum().backward()
    assert 200 < len(seen[0].unique()) <= 256
    assert (seen[0] - image).abs().max() <= (image.max() - image.min()) / 255
    assert 0.0 in seen[0]
    torch.testing.assert_close(image.grad, layer.weight.detach().expand_as(image).reshape(image.shape))
    layer.eval()(image)
    assert torch.equal(seen[1], image)


@pytest.mark.parametrize("level", [0.0, -3.0, 7.0])
def test_a_flat_input_stays(level):
    value = torch.full((1, 1, 4, 4), level)
    layer = nn.Conv2d(1, 1, 1, bias=False)
    round_activations(layer)
    torch.testing.assert_close(layer(value), value * layer.weight.detach())
