"""What Explain says of a selected row, where a finding compares it with others."""

from __future__ import annotations

from support import Running, flow, text_of

from tcpconntop.tui.panes.explain import Explain

FLOWS = [flow("nginx", 2, f"10.3.0.{n}", 443, median_us=20_000 if n == 3 else 300) for n in range(1, 5)]


def explained(run):
    return "\n".join(text_of(run.screen.query_one(Explain)))


async def test_a_row_that_a_finding_leads_to_has_that_finding():
    """GIVEN an address that is slower than the others WHEN enter goes there THEN Explain still says so."""
    async with Running(60, flows=FLOWS) as run:
        await run.press("x")
        assert "10.3.0.3:443 is" in explained(run)
        await run.press("enter")
        assert run.screen.table.row is not None
        assert "slower than" in explained(run)
        assert "nothing stands out" not in explained(run)
        await run.press("end")
        assert "nothing stands out" in explained(run)
