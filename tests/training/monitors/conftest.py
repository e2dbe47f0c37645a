import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Networks this small are slower on several threads, far slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
