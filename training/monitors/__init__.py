"""Fitting, calibrating and exporting failure predictors (torch); they run in :mod:`policy_nodes.monitors`."""

from training.monitors.calibrate import CalibrationConfig, RolloutRecord, calibrate
from training.monitors.export import MonitorParity, bind_monitor, export_monitor, position_function
from training.monitors.rnd import PAPER, SMALL, RandomNetworkDistillation, RNDArchitecture, RNDEnsemble
from training.monitors.train_rnd import PAPER_TRAINING, RNDHistory, RNDTraining, train_ensemble, train_rnd

__all__ = [
    "CalibrationConfig",
    "MonitorParity",
    "PAPER",
    "PAPER_TRAINING",
    "RNDArchitecture",
    "RNDEnsemble",
    "RNDHistory",
    "RNDTraining",
    "RandomNetworkDistillation",
    "RolloutRecord",
    "SMALL",
    "bind_monitor",
    "calibrate",
    "export_monitor",
    "position_function",
    "train_ensemble",
    "train_rnd",
]
