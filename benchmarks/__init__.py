"""How fast the client is, beside the published one and beside what the machine can do: `scripts/bench`.

A server that costs nothing (`server`, `tables`, `costs`), clients that each run in a process and an environment of their
own (`clients`, `environments`), what is compared with what (`scenarios`, `targets`), taking turns (`rounds`), and what
comes of it (`figures`, `report`, `picture`). Nothing here is part of the wheel.
"""
