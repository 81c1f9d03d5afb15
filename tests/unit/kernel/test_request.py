"""The settings that a request becomes, against the mirror of the struct."""

from __future__ import annotations

import numpy as np

from tcpconntop.core.limits import EVENT_BYTES
from tcpconntop.core.wire import EVENT, SETTINGS
from tcpconntop.kernel import session
from tcpconntop.kernel.request import TraceRequest


def test_given_a_request_when_its_settings_are_read_back_then_every_filter_is_where_the_kernel_looks():
    request = TraceRequest(
        pids=(1, 7),
        uids=(0, 1000, 4_000_000_000),
        ports=(443,),
        family=6,
        min_latency_ms=1.5,
        wakeup_bytes=77,
    )
    settings = np.frombuffer(request.settings(), SETTINGS)[0]
    assert settings["min_latency_ns"] == 1_500_000
    assert (settings["wakeup_bytes"], settings["family"], settings["ready"]) == (77, 6, 1)
    for name, values in (("pid", request.pids), ("uid", request.uids), ("port", request.ports)):
        assert settings[f"{name}_count"] == len(values)
        filled = settings[f"{name}s"].tolist()
        assert filled == [*values, *[0] * (len(filled) - len(values))]


def test_given_the_size_of_a_record_that_is_known_without_numpy_then_it_is_that_of_the_struct():
    assert EVENT.itemsize == EVENT_BYTES


def test_given_the_place_of_the_wake_up_threshold_then_it_is_that_of_the_struct():
    _, offset = SETTINGS.fields["wakeup_bytes"]
    assert slice(offset, offset + SETTINGS["wakeup_bytes"].itemsize) == session._WAKEUP
