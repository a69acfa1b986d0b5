"""The carriers' door: express couriers and posts, one file each, that answer what `track` and `booking` ask."""
