import pytest
import torch

from training.policies.backbones.convolution import Conv1d, Upsample, use_matmul


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(5, 1, 2), (3, 2, 1), (1, 1, 0), (3, 1, 0), (4, 3, 2)])
@pytest.mark.parametrize("length", [4, 7, 16])
def test_a_convolution_as_a_matrix_product(kernel, stride, padding, length):
    torch.manual_seed(0)
    layer = Conv1d(3, 5, kernel, stride=stride, padding=padding).double()
    x = torch.randn(2, 3, length, dtype=torch.float64)
    expected = layer(x)
    use_matmul(layer)
    torch.testing.assert_close(layer(x), expected, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 5, 8])
def test_upsampling_as_a_matrix_product_doubles_the_length(length):
    torch.manual_seed(0)
    layer = Upsample(3).double()
    x = torch.randn(2, 3, length, dtype=torch.float64)
    expected = layer(x)
    assert expected.shape == (2, 3, 2 * length)
    use_matmul(layer)
    torch.testing.assert_close(layer(x), expected, atol=1e-12, rtol=1e-12)


def test_a_convolution_by_hand():
    """Kernel (1, 2, 3) over 1, 10, 100 with zeros around: 0 + 2 + 30, 1 + 20 + 300, 10 + 200 + 0; bias 0.5."""
    layer = Conv1d(1, 1, 3, padding=1)
    layer.weight.data = torch.tensor([[[1.0, 2.0, 3.0]]])
    layer.bias.data = torch.tensor([0.5])
    x = torch.tensor([[[1.0, 10.0, 100.0]]])
    for enabled in (False, True):
        use_matmul(layer, enabled)
        assert layer(x).flatten().tolist() == [32.5, 321.5, 210.5]


def test_every_convolution_of_a_module_is_switched_and_back():
    module = torch.nn.Sequential(Conv1d(1, 1, 3), torch.nn.Sequential(Upsample(1)), torch.nn.Conv1d(1, 1, 3))
    use_matmul(module)
    assert [getattr(part, "as_matmul", None) for part in (module[0], module[1][0], module[2])] == [True, True, None]
    use_matmul(module, enabled=False)
    assert not module[0].as_matmul and not module[1][0].as_matmul
