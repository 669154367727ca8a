"""Second derivatives through the layers that networks here are made of beside Keras's own, on both backends."""

import pytest
from slopes import on_both_backends


@pytest.mark.parametrize("architecture", ["progan", "r3gan"])
def test_they_exist_and_agree_with_differences(architecture: str) -> None:
    for backend, found in on_both_backends(architecture).items():
        assert found["gradient"] == pytest.approx(found["difference"], rel=1e-3), backend
        assert found["least"] > 1e-3, backend
