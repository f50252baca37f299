"""The shape of a real command stream: 7,677 commands for 4,242 campaigns in 53 hours, measured. Weights are counts."""

from typing import Final

from admanager.stream.command import NEW, STOP, UPDATE

Weights = dict[str, int]

LIVES: Final[dict[tuple[str, ...], int]] = {
    (NEW, STOP): 1781,
    (NEW,): 1339,
    (NEW, UPDATE): 621,
    (NEW, UPDATE, STOP): 305,
    (NEW, UPDATE, UPDATE): 122,
    (NEW, UPDATE, UPDATE, STOP): 29,
    (NEW, UPDATE, UPDATE, UPDATE): 21,
    (NEW, UPDATE, UPDATE, UPDATE, STOP): 4,
    (NEW, UPDATE, UPDATE, UPDATE, UPDATE): 3,
}
# How many commands lie between two of one campaign, and how many seconds between two New: deciles.
COMMANDS_BETWEEN: Final = (1, 9, 18, 27, 38, 50, 62, 79, 98, 119, 146)
SECONDS_BETWEEN_NEWS: Final = (20, 22, 24, 26, 27, 29, 46, 51, 65, 82, 246)

GENDERS: Final[Weights] = {"All": 3248, "F": 653, "M": 324}
INCOME_BUCKETS: Final[Weights] = {"All": 3529, "M": 477, "H": 181, "L": 38}
DEVICES: Final[Weights] = {
    "All": 3547,
    "Android Mobile": 351,
    "Windows Computer": 211,
    "iPhone": 51,
    "Linux Computer": 39,
    "Macbook": 26,
}
AGE_RANGES: Final[dict[tuple[str, str], int]] = {
    ("0", "0"): 2389,
    ("20", "30"): 473,
    ("25", "35"): 401,
    ("20", "40"): 296,
    ("35", "50"): 254,
    ("20", "45"): 233,
    ("50", "60"): 132,
    ("60", "70"): 47,
}
COUNTRY: Final = "India"
CITIES: Final[dict[tuple[str, str], int]] = {
    ("All", "All"): 2352,
    ("Mumbai", "Maharashtra"): 420,
    ("Delhi", "Delhi"): 297,
    ("Bangalore", "Karnataka"): 194,
    ("Kolkata", "West Bengal"): 164,
    ("Chennai", "Tamil Nadu"): 131,
    ("Hyderabad", "Telangana"): 106,
    ("Ahmedabad", "Gujrat"): 90,
    ("Pune", "Maharashtra"): 82,
    ("Surat", "Gujrat"): 71,
    ("Lucknow", "Uttar Pradesh"): 53,
    ("Jaipur", "Rajasthan"): 51,
    ("Nagpur", "Maharashtra"): 48,
    ("Coimbatore", "Tamil Nadu"): 36,
    ("Patna", "Bihar"): 35,
    ("Vadodra", "Gujrat"): 35,
    ("Ludhiana", "Punjab"): 31,
    ("Indore", "Madhya pradesh"): 29,
}
BUDGETS: Final[dict[int, int]] = {
    100: 5,
    200: 572,
    300: 543,
    400: 506,
    500: 510,
    600: 515,
    700: 502,
    800: 525,
    900: 547,
}
# Prices are spread evenly between these, in the last decimal: 0.00010 to 0.00150 and 0.0020 to 0.0600.
CPC_STEPS: Final = (10, 150)
CPA_STEPS: Final = (20, 600)
# A window opens in the hour of its campaign's creation and ends the day after, two hours of the clock later or more.
SHORTEST_PAST_A_DAY_HOURS: Final = 2
