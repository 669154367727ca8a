"""Second derivatives through the custom layers of the networks, on both backends."""

import pytest
from second_derivatives import on_both_backends


@pytest.mark.parametrize("architecture", ["progan", "r3gan"])
def test_they_agree_with_finite_differences_and_no_kernel_has_none(architecture: str) -> None:
    for backend, result in on_both_backends(architecture).items():
        assert result["gradient"] == pytest.approx(result["difference"], rel=1e-3), backend
        assert result["least"] > 1e-3, backend
