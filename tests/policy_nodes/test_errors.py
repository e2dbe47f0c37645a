from policy_nodes.errors import BundleError, KeelError


def test_text_names_cause_and_fix():
    error = BundleError("a is broken.", "mend a")
    assert isinstance(error, KeelError)
    assert (error.cause, error.fix) == ("a is broken.", "mend a")
    assert str(error) == "a is broken. Fix: mend a"


def test_without_fix_only_the_cause_is_said():
    assert str(KeelError("a is broken.")) == "a is broken."
