"""A pool of connections, without any connection."""

import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from cmsdials.http.connections import Pool


class Client:
    """Counts how many were made, and remembers that it was closed."""

    made = 0

    def __init__(self):
        threading.Event().wait(0.02)  # long enough for other threads to come
        type(self).made += 1
        self.closed = False

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def none_made(monkeypatch):
    monkeypatch.setattr(Client, "made", 0)


def test_nothing_is_made_before_it_is_wanted():
    Pool(Client).close()
    assert Client.made == 0


def test_threads_share_one_client():
    pool = Pool(Client)
    with ThreadPoolExecutor(16) as threads:
        clients = list(threads.map(lambda _: pool.client(), range(64)))
    assert set(clients) == {pool.client()}
    assert Client.made == 1


def test_a_closed_pool_opens_again():
    pool = Pool(Client)
    first = pool.client()
    pool.close()
    pool.close()
    assert first.closed
    assert pool.client() is not first
    assert not pool.client().closed


@pytest.mark.parametrize("end", [Pool.close, lambda pool: pool.let_go(Client())], ids=["close", "let_go"])
def test_no_client_is_lost_that_is_made_in_this_moment(end):
    begun, made = threading.Event(), threading.Event()

    def make():
        begun.set()
        assert made.wait(120)
        return Client()

    pool = Pool(make)
    wanting, ending = threading.Thread(target=pool.client), threading.Thread(target=end, args=(pool,))
    wanting.start()
    assert begun.wait(120)
    ending.start()
    ending.join(0.1)
    assert ending.is_alive()
    made.set()
    wanting.join()
    ending.join()


def test_a_client_is_closed_where_no_signal_comes():
    class Closed(Client):
        def close(self):
            threads.append(threading.current_thread())

    threads = []
    pool = Pool(Closed)
    pool.client()
    pool.close()
    assert threads != [threading.current_thread()]
    assert len(threads) == 1


def test_a_client_that_was_let_go_is_used_no_more_and_left_as_it_is():
    pool = Pool(Client)
    first = pool.client()
    pool.let_go(first)
    second = pool.client()
    pool.let_go(first)
    assert pool.client() is second is not first
    del pool
    gc.collect()
    assert (first.closed, second.closed) == (False, True)


def test_a_pool_whose_client_does_not_close_goes_on_with_another():
    class Stubborn(Client):
        def close(self):
            raise OSError

    pool = Pool(Stubborn)
    first = pool.client()
    with pytest.raises(OSError):  # noqa: PT011  # it says nothing
        pool.close()
    assert pool.client() is not first
    pool.let_go(pool.client())


def test_a_pool_that_is_forgotten_closes_its_client():
    pool = Pool(Client)
    client = pool.client()
    del pool
    gc.collect()
    assert client.closed


def test_a_child_process_neither_uses_nor_closes_what_is_its_parents():
    pool = Pool(Client)
    parents = weakref.ref(pool.client())
    pool.forget()
    assert pool.client() is not parents()
    del pool
    gc.collect()
    assert parents() is not None, "or else the HTTP library closes it"
    assert not parents().closed


def test_a_client_that_cannot_be_made_is_tried_again():
    clients = [Client(), OSError("no")]

    def make():
        if isinstance(client := clients.pop(), OSError):
            raise client
        return client

    pool = Pool(make)
    with pytest.raises(OSError, match="no"):
        pool.client()
    assert pool.client()


def test_a_pickle_makes_a_client_of_its_own():
    pool = Pool(dict.fromkeys)  # any function that pickles
    assert pickle.loads(pickle.dumps(pool))._make == dict.fromkeys
    assert pickle.loads(pickle.dumps(pool))._client is None
