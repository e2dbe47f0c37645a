from training.evaluation.machine import machine


def test_says_what_decides_speed():
    facts = machine()
    assert set(facts) == {"cpu", "cores", "system", "python", "onnxruntime", "mujoco"}
    assert facts["cores"] >= 1 and all(facts.values())
