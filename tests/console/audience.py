"""People who see ads, click and buy, by the gateway that apps' pages use; so that pages have something to show."""

import httpx
from running import until

WITHIN_S = 10.0


def watch(page: str, city: str, ads: int) -> None:
    """Asks for ads in a city, one by one: each is seen, every 3rd clicked, every 9th followed by an acquisition.

    `page` is the address of the console's pages. Waits for the first ad. Raises httpx.HTTPStatusError.
    """
    with httpx.Client(base_url=page, timeout=20) as client:

        def ask(number: int) -> list[dict[str, str]]:
            message = {"user_id": f"user{number}", "city": city, "device_type": "Android", "ad_count": 1}
            answer = client.post("/v1/ads", json=message).raise_for_status().json()
            found: list[dict[str, str]] = answer.get("ads", [])
            return found

        until(f"an ad in {city}", lambda: bool(ask(0)), WITHIN_S)  # a new campaign is known a moment later
        for number in range(ads):
            (ad,) = ask(number)
            actions = ["VIEW"] + ["CLICK"] * (number % 3 == 0) + ["ACQUISITION"] * (number % 9 == 0)
            for action in actions:
                feedback = {"receipt": ad["receipt"], "action": f"ACTION_{action}"}
                client.post("/v1/feedback", json=feedback).raise_for_status()
