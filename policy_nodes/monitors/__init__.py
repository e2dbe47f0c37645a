"""Failure prediction on the robot: scores of one policy call, conformal thresholds, alarms (numpy and onnxruntime)."""

from policy_nodes.monitors.artefact import CalibrationArtefact, SignalCalibration, load_artefact, save_artefact
from policy_nodes.monitors.detector import Detector, Signal
from policy_nodes.monitors.fiper import FiperMonitor
from policy_nodes.monitors.interface import CallFeatures, PolicyIdentity, Score
from policy_nodes.monitors.online import OnlineCalibration, Outcome
from policy_nodes.monitors.phases import CallBins, ToolPhases

__all__ = [
    "CallBins",
    "CalibrationArtefact",
    "CallFeatures",
    "Detector",
    "FiperMonitor",
    "OnlineCalibration",
    "Outcome",
    "PolicyIdentity",
    "Score",
    "Signal",
    "SignalCalibration",
    "ToolPhases",
    "load_artefact",
    "save_artefact",
]
