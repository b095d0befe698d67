"""Schema of model, scenario and batch files: the classes, their validation against a file, and their JSON schema."""

from __future__ import annotations

from aquirecover.case.model_config import ModelConfig
from aquirecover.case.scenario_config import BatchConfig, ScenarioConfig

__all__ = ["BatchConfig", "ModelConfig", "ScenarioConfig"]
