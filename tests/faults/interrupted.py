"""A process that asks, and is interrupted: python interrupted.py URL ROUNDS SEED [OTHERS]

It sends request after request and is sent a SIGINT at a random moment, ROUNDS times: within three times as long as a
request takes here, and in some rounds only after one has gone well; then it lists once, undisturbed, and prints how many
requests went well, how many interrupts came in time, and the run numbers. With OTHERS, so many threads of it ask all the
while, over the same connections and without any retry; it prints what they met, and how many of their requests went well.
With 0 rounds it sends one request, says so before, waits to be interrupted, and says what came. Where nothing goes on for
long, it says where, and ends.
"""

import faulthandler
import json
import os
import queue
import random
import signal
import sys
import threading
import time

from cmsdials import Dials
from cmsdials.filters import RunFilters

PATIENCE = 120  # seconds without any progress


class Credentials:
    def before_request(self, headers: dict[str, str]) -> None:
        headers["Authorization"] = "Bearer token-0"


def send_signals(delays: "queue.SimpleQueue[float]") -> None:
    while True:
        time.sleep(delays.get())
        os.kill(os.getpid(), signal.SIGINT)


def ask(dials: Dials) -> None:
    request = {"method": "GET", "url": "/api/v1/run/", "params": {"page_size": 3}}
    dials._session.perform(request, bytes, retries=0)


class Others:
    """Threads that ask until they are ended."""

    def __init__(self, dials: Dials, how_many: int) -> None:
        self.met: list[str] = []
        self.good = 0
        self._dials = dials
        self._end = False
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(how_many)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._end:
            try:
                ask(self._dials)
                self.good += 1
            except BaseException as error:  # noqa: BLE001  # whatever it is, the test looks at it
                self.met.append(repr(error))

    def end(self) -> None:
        self._end = True
        for thread in self._threads:
            thread.join()


def interrupted_again_and_again(dials: Dials, rounds: int, seed: int, how_many_others: int) -> None:
    moments = random.Random(seed)
    delays: queue.SimpleQueue[float] = queue.SimpleQueue()
    threading.Thread(target=send_signals, args=(delays,), daemon=True).start()
    ask(dials)
    others = Others(dials, how_many_others)
    began = time.monotonic()
    for _ in range(10):
        ask(dials)
    longest_delay = 3 * (time.monotonic() - began) / 10
    good = caught = 0
    for _ in range(rounds):
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        if moments.random() < 0.25:
            ask(dials)
            good += 1
        try:
            delays.put(moments.random() * longest_delay)
            while True:
                ask(dials)
                good += 1
        except KeyboardInterrupt:
            caught += 1
        if not how_many_others and moments.random() < 0.1:
            dials.close()
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    others.end()
    rows = dials.run.list_all(RunFilters(page_size=100))
    said = [good, caught, [row.run_number for row in rows], others.met, others.good]
    print(json.dumps(said), flush=True)


def interrupted_once(dials: Dials) -> None:
    try:
        print("asking", flush=True)
        ask(dials)
    except KeyboardInterrupt as stopped:
        dials.close()
        print(type(stopped).__name__, flush=True)


if __name__ == "__main__":
    url, rounds, seed, how_many_others = sys.argv[1], *(int(number) for number in [*sys.argv[2:], 0][:3])
    asked = Dials(Credentials(), "tracker", url, timeout=None)
    if rounds:
        interrupted_again_and_again(asked, rounds, seed, how_many_others)
    else:
        interrupted_once(asked)
