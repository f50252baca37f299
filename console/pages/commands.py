"""What became of a command: followed until that is known."""

from adplatform.v1 import campaign_manager_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response

from console.site import site_of
from console.status import COMMANDS


async def command(request: Request) -> Response:
    """GET /commands/{command_id}: a line that asks again until the command is no longer on its way."""
    site = site_of(request)
    command_id = request.path_params["command_id"]
    found = await site.call(request, site.mesh.campaigns.GetCommand, pb.GetCommandRequest(command_id=command_id))
    word = COMMANDS[found.state]
    response = site.page(request, "command_line.html", found=found, word=word)
    if word.final and found.state != pb.COMMAND_STATE_REJECTED:
        response.headers["HX-Trigger"] = "command-done"
    return response
