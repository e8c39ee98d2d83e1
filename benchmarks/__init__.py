"""How fast the client is, compared with the published one and with the limit of the machine: `scripts/bench`.

A server that costs nothing, or what is configured (`server`, `tables`, `extract`, `costs`), clients that each run in
their own process and environment (`clients`, `environments`), what is compared (`scenarios`, `targets`), taking turns
(`rounds`), and the results (`figures`, `report`, `picture`). Nothing here is part of the wheel.
"""
