"""Advertisements made up for a first run without any data set: every combination of a few words."""

from itertools import product
from typing import Final

from admanager.stream.titles import Title

_MAKES: Final = ("Amber & Co", "Bluefinch", "Cedarline", "Dhruva", "Everfold", "Kavi", "Northpeak", "Saffron Lane")
_QUALITIES: Final = ("Lightweight", "Classic", "Compact", "Handmade", "Pro", "Everyday", "Foldable", "Travel")
_THINGS: Final = {
    "Arts & Crafts": ("Watercolour Set", "Knitting Kit", "Sketch Pad", "Beading Loom"),
    "Clothing & Accessories": ("Rain Jacket", "Cotton Scarf", "Leather Belt", "Baby Blanket", "Sun Hat"),
    "Computer": ("Laptop Stand", "Wireless Keyboard", "USB Hub", "Webcam"),
    "Electronics": ("Bluetooth Speaker", "Desk Lamp", "Phone Charger", "Noise Cancelling Headphones"),
    "Home & Kitchen": ("Rice Cooker", "Tea Kettle", "Storage Basket", "Cat Tunnel", "Wall Clock"),
    "Sports & Fitness": ("Yoga Mat", "Cricket Bat", "Running Belt", "Camping Stove", "Swim Goggles"),
    "Tools & Hardware": ("Screwdriver Set", "Cordless Drill", "Tyre Gauge", "Paint Roller", "Door Hinge"),
}


def sample_titles() -> list[Title]:
    """Returns the made-up advertisements, each text once, in a fixed order."""
    return [
        Title(f"{make} {quality} {thing}", category, f"{thing},{quality}".casefold().replace(" ", ","))
        for category, things in _THINGS.items()
        for thing, make, quality in product(things, _MAKES, _QUALITIES)
    ]
