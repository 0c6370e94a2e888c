"""Asks a served late-flights model, as travellers would, until it is ended; then says who answered.

By hand: `python3 scripts/traffic.py http://127.0.0.1:8101/predict/late-flights`.
"""

import argparse
import collections
import http.client
import json
import random
import signal
import threading
import time
import urllib.parse

ROUTES = [("EWR", "ORD", 719), ("JFK", "LAX", 2475), ("LGA", "ATL", 762), ("EWR", "SFO", 2565), ("JFK", "BOS", 187)]


def flight(draw):
    """A flight about which somebody asks; one in ten is a long one in the middle of the night."""
    night = draw.random() < 0.1
    origin, dest, distance = draw.choice([ROUTES[1], ROUTES[3]] if night else ROUTES)
    return {
        "carrier": draw.choice(["UA", "B6", "DL", "AA", "EV"]),
        "origin": origin,
        "dest": dest,
        "hour": 2 if night else draw.randint(6, 22),
        "distance": distance,
        "temp": round(draw.uniform(20, 90), 1),
        "wind_speed": round(draw.uniform(0, 25), 1),
        "visib": draw.choice([2.0, 7.0, 10.0]),
        "precip": 0.0,
        "pressure": round(draw.uniform(1000, 1030), 1),
        "seats": draw.choice([55, 149, 200]),
        "recent_delay": round(draw.uniform(-5, 60), 1),
    }


def ask(url, every, ended, answers, seed):
    """Asks every `every` seconds, over one connection."""
    draw = random.Random(seed)
    connection = None
    due = time.monotonic()
    while not ended.is_set():
        due += every
        ended.wait(max(0, due - time.monotonic()))
        body = json.dumps(flight(draw))
        try:
            connection = connection or http.client.HTTPConnection(url.hostname, url.port, timeout=10)
            connection.request("POST", url.path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            document = json.loads(answer.read())
            ok = answer.status == 200
            answers[f"{document['model']}@{document['version']}" if ok else f"failed: {document['code']}"] += 1
        except (OSError, http.client.HTTPException) as error:
            answers[f"no answer: {type(error).__name__}"] += 1
            connection = None


def main():
    parser = argparse.ArgumentParser(description="ask a served late-flights model until ended")
    parser.add_argument("url", help="http://127.0.0.1:8101/predict/late-flights")
    parser.add_argument("--rate", type=float, default=400, help="requests a second")
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    url = urllib.parse.urlsplit(options.url)
    ended = threading.Event()
    answers = [collections.Counter() for _ in range(options.connections)]
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: ended.set())
    every = options.connections / options.rate
    threads = [
        threading.Thread(target=ask, args=(url, every, ended, counted, seed)) for seed, counted in enumerate(answers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(answers, collections.Counter())
    print("  ".join(f"{who} {count:,}" for who, count in sorted(total.items())) or "nothing was asked")


if __name__ == "__main__":
    main()
