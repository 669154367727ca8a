"""The automation for dead runs: it knows every final state of the flows, and is installed only once."""

import re

import automations
import pytest
import retrain
from conftest import ROOT
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL


def test_every_final_state_of_the_flows_ends_the_wait_for_heartbeats() -> None:
    source = (ROOT / "flows/retrain.py").read_text()
    written = re.findall(r"\b(?:Completed|Failed|Cancelled|Crashed)\(name=([^,)]+)", source)
    names = {name.strip('"') if name.startswith('"') else getattr(retrain, name) for name in written}
    assert {"Promoted", "Rejected"} <= names <= set(automations.ENDS)


@pytest.mark.usefixtures("server")
def test_installing_again_updates_the_automation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for minutes in ("15", "30"):
        monkeypatch.setattr("sys.argv", ["automations.py", "--minutes", minutes])
        assert automations.main() == 0, (PREFECT_API_URL.value(), capsys.readouterr().err)
    with get_client(sync_client=True) as client:
        (installed,) = client.read_automations_by_name(automations.NAME)
    assert installed.trigger.within.total_seconds() == 30 * 60  # type: ignore[union-attr]


def test_too_short_a_wait_is_an_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["automations.py", "--minutes", "0.1"])
    with pytest.raises(SystemExit, match="2"):
        automations.main()
    assert "--minutes expects at least 0.17. Received: 0.1" in capsys.readouterr().err
