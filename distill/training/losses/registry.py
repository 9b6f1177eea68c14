"""Further losses by name.

Each file of this package enters a function in `LOSSES`: called with a network's outputs (maps by key, as their heads'
meanings have them, probabilities instead of logits) and the batch, and with its options, it gives a scalar, the mean
over its part of a step. Its weight stands beside its options. One with the option `student_layer` finds among the
outputs also what the network's module of that name gave.
"""

from distill.system.registry import Registry

LOSSES = Registry("loss", "distill.training.losses")
