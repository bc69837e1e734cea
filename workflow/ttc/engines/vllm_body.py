"""A loader for vLLM that leaves weights of a checkpoint out: those of a head, which is computed elsewhere.

vLLM imports this module in each process that loads weights (`EXTENSION`); nothing else may.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from vllm.model_executor.model_loader import register_model_loader
from vllm.model_executor.model_loader.default_loader import DefaultModelLoader

from ttc.engines.vllm_settings import BODY, LEFT_OUT


class Extension:
    """What vLLM adds to its workers: nothing; to find it, they import this module."""


@register_model_loader(BODY)
class BodyLoader(DefaultModelLoader):
    """vLLM's usual loader without the weights whose names begin as its settings say."""

    def __init__(self, load_config):
        settings = dict(load_config.model_loader_extra_config)
        self.left_out = tuple(settings.pop(LEFT_OUT))
        super().__init__(replace(load_config, load_format="auto", model_loader_extra_config=settings))

    def get_all_weights(self, model_config, model) -> Iterator[tuple[str, torch.Tensor]]:
        """See vLLM's `DefaultModelLoader.get_all_weights`."""
        for name, weight in super().get_all_weights(model_config, model):
            if not name.startswith(self.left_out):
                yield name, weight
