"""People who see ads, click and buy, by the gateway that apps' pages use; so that pages have something to show."""

import httpx


def watch(page: str, city: str, ads: int) -> None:
    """Asks for ads in a city, one by one: each is seen, every 3rd clicked, every 9th followed by an acquisition.

    `page` is the address of the console's pages. Raises httpx.HTTPStatusError, and AssertionError where there is no ad.
    """
    with httpx.Client(base_url=page, timeout=20) as client:
        for number in range(ads):
            message = {"user_id": f"user{number}", "city": city, "device_type": "Android", "ad_count": 1}
            answer = client.post("/v1/ads", json=message).raise_for_status().json()
            assert answer.get("ads"), answer
            actions = ["VIEW"] + ["CLICK"] * (number % 3 == 0) + ["ACQUISITION"] * (number % 9 == 0)
            for action in actions:
                feedback = {"receipt": answer["ads"][0]["receipt"], "action": f"ACTION_{action}"}
                client.post("/v1/feedback", json=feedback).raise_for_status()
