"""AP on a fixed subset while a network trains."""

from collections.abc import Mapping

import torch
from accelerate import Accelerator
from torch import nn

from distill.data.keypoint_set import KeypointSet
from distill.evaluation.coco import evaluate
from distill.evaluation.predictor import Predictor, network_forward, predict_all
from distill.heads.contract import Head
from distill.pose.grouping import GroupingConfig
from distill.pose.skeleton import Skeleton
from distill.training.config import TrainConfig


class Minival:
    """The first photographs of the validation split, measured again and again."""

    def __init__(self, config: TrainConfig, skeleton: Skeleton, accelerator: Accelerator):
        self.data = KeypointSet(config.data.to_measure_on, skeleton)
        self.image_ids = self.data.image_ids[: config.log.minival_images]
        self.input_size, self.batch_size = config.input_size, config.batch_size
        self.accelerator = accelerator

    @torch.inference_mode()
    def measure(self, network: nn.Module, heads: Mapping[str, Head]) -> dict[str, float]:
        """COCO figures of a network, as `distill.evaluation.coco.evaluate` names them."""
        was_training = network.training
        network.eval()
        forward = network_forward(network, self.accelerator.device, self.accelerator.autocast)
        predictor = Predictor(forward, self.input_size, self.data.skeleton, GroupingConfig(), heads=heads)
        predictions = predict_all(predictor, self.data, self.image_ids, self.batch_size)
        network.train(was_training)
        return evaluate(predictions, self.data, self.image_ids)
