"""What surrounds the engine: the asyncio shell, connections, the store's thread, clock and event queues."""
