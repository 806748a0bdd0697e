"""Keeps a list of rooms from the events of Veza, each event taken into account once.

    python -m grpc_tools.protoc -I proto --python_out=gen $(find proto -name '*.proto')
    PYTHONPATH=gen python docs/examples/consumer.py nats://127.0.0.1:4222 rooms.db
"""

import asyncio
import sqlite3
import sys

import nats
from nats.js.api import ConsumerConfig

from veza.event.v1.event_pb2 import Event

SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, seen_time TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS rooms (id TEXT PRIMARY KEY, name TEXT, version INTEGER, events INTEGER DEFAULT 0);
"""


def apply(database: sqlite3.Connection, event: Event) -> None:
    """One transaction: the effect of the event and the note that it was seen, or neither."""
    with database:
        seen = database.execute("INSERT OR IGNORE INTO inbox (id) VALUES (?)", (event.id,))
        if seen.rowcount == 0:
            return
        kind = event.WhichOneof("data")
        if kind in ("room_created", "room_updated"):
            room = getattr(event, kind).room
            database.execute(
                "INSERT INTO rooms (id, name, version, events) VALUES (?, ?, ?, 1)"
                " ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, events = events + 1",
                (room.id, room.name, event.aggregate_version),
            )
        elif kind == "room_deleted":
            database.execute("DELETE FROM rooms WHERE id = ?", (event.room_deleted.room_id,))


async def main(url: str, path: str) -> None:
    database = sqlite3.connect(path)
    database.executescript(SCHEMA)
    client = await nats.connect(url, max_reconnect_attempts=-1)
    # A durable consumer: NATS remembers what was acknowledged. One event at a time keeps their order when one of them
    # is delivered again.
    config = ConsumerConfig(filter_subject="room.*", max_ack_pending=1)
    rooms = await client.jetstream().pull_subscribe("room.*", durable="rooms", stream="VEZA", config=config)
    while True:
        try:
            messages = await rooms.fetch(1, timeout=5)
        except nats.errors.TimeoutError:
            continue
        for message in messages:
            apply(database, Event.FromString(message.data))
            # Only now: an event that is not acknowledged comes again.
            await message.ack()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
