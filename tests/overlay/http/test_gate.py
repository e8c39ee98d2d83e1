"""When the service is to be left alone: decided without waiting."""

import pickle

from cmsdials.http.gate import Gate

NOW = 1_700_000_000.0


def test_a_gate_is_open_at_first():
    assert Gate().hold(NOW) is None
    assert not Gate().has_answered


def test_it_holds_until_the_end_of_a_hold():
    gate = Gate()
    gate.close(NOW, 9.0)
    assert gate.hold(NOW).remaining(NOW) == 9.0
    assert gate.hold(NOW + 8).remaining(NOW + 8) == 1.0
    assert gate.hold(NOW + 9) is None
    assert gate.hold(NOW) is None, "what is over is forgotten"


def test_the_hold_that_ends_last_counts():
    gate = Gate()
    longer = gate.close(NOW, 9.0)
    shorter = gate.close(NOW + 1, 2.0)
    assert gate.hold(NOW + 1) == longer
    gate.open(longer)
    assert gate.hold(NOW + 1) == shorter
    gate.open(shorter)
    gate.open(shorter)
    assert gate.hold(NOW + 1) is None


def test_two_threads_may_find_out_that_a_hold_is_over():
    gate = Gate()
    gate.close(NOW, 9.0)

    class Meanwhile(float):
        """A time at which another thread is a moment earlier."""

        def __ge__(self, other):
            assert gate.hold(float(self)) is None
            return super().__ge__(other)

    assert gate.hold(Meanwhile(NOW + 9)) is None


def test_no_time_is_no_hold():
    gate = Gate()
    gate.close(NOW, 0.0)
    assert gate.hold(NOW - 1) is None


def test_a_clock_that_is_set_back_holds_no_longer_than_was_said():
    gate = Gate()
    gate.close(NOW, 9.0)
    assert gate.hold(NOW - 3600).remaining(NOW - 3600) == 9.0


def test_it_travels_in_pickles():
    gate = Gate()
    gate.close(NOW, 9.0)
    assert pickle.loads(pickle.dumps(gate)).hold(NOW) == gate.hold(NOW)
