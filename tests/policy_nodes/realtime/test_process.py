import gc
import os

import pytest

from policy_nodes.realtime import process


def test_pin_reports_the_cpus_in_effect_and_refuses_others() -> None:
    before = os.sched_getaffinity(0)
    try:
        one = min(before)
        setting = process.pin([one])
        assert setting.achieved
        assert setting.detail == f"CPUs [{one}]"
        assert os.sched_getaffinity(0) == {one}
    finally:
        os.sched_setaffinity(0, before)
    refused = process.pin([1023])
    assert not refused.achieved
    assert "choose from" in refused.detail
    assert os.sched_getaffinity(0) == before


def test_fifo_without_the_right_is_reported_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    setting = process.fifo_priority(50)
    assert (setting.name, setting.achieved) == ("SCHED_FIFO 50", False)
    assert "Operation not permitted; allow rtprio" in setting.detail


def test_fifo_success_reports_what_the_kernel_says(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(os, "sched_getparam", lambda _: os.sched_param(50))
    assert process.fifo_priority(50).detail == "SCHED_FIFO 50"
    assert asked[0][:2] == (0, os.SCHED_FIFO)


def test_memory_lock_that_fails_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    class Libc:
        def mlockall(self, flags: int) -> int:
            assert flags == 3
            process.ctypes.set_errno(12)
            return -1

    monkeypatch.setattr(process.ctypes, "CDLL", lambda *_, **__: Libc())
    setting = process.lock_memory()
    assert not setting.achieved
    assert "memlock" in setting.detail
    assert "Cannot allocate memory" in setting.detail


def test_configure_reports_every_wanted_setting_in_order() -> None:
    before = gc.get_freeze_count()
    try:
        settings = process.configure_process(cpus=os.sched_getaffinity(0), garbage=True)
        assert [setting.name.split()[0] for setting in settings] == ["CPUs", "frozen"]
        assert all(setting.achieved for setting in settings)
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
    assert process.configure_process(garbage=False) == []
