"""The floor: an ad server that does nothing. `python -m bench.echo PORT BYTES`.

A grpcio server of the same kind as ours (asyncio on uvloop), with ready-made replies of the size that ours has; it
neither reads requests nor writes messages. All that ours takes beyond it is ours.
"""

import sys
from collections.abc import AsyncIterator
from typing import Final

import grpc
import grpc.aio
import uvloop
from adplatform.v1 import ad_server_pb2 as pb

SERVICE: Final = "adplatform.v1.AdServer"
_FRAME_BYTES: Final = 6


async def serve(port: int, reply_bytes: int) -> None:
    """Serves until it is ended."""
    response = pb.ServeAdResponse(ads=[pb.Ad(receipt=bytes(reply_bytes - _FRAME_BYTES))])
    unary = response.SerializeToString()
    streamed = pb.StreamAdsResponse(sequence=1, response=response).SerializeToString()

    async def serve_ad(request: bytes, context: object) -> bytes:
        return unary

    async def stream_ads(requests: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        async for _ in requests:
            yield streamed

    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "ServeAd": grpc.unary_unary_rpc_method_handler(serve_ad),
        "StreamAds": grpc.stream_stream_rpc_method_handler(stream_ads),
    }
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.keepalive_permit_without_calls", 1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(serve(*map(int, sys.argv[1:])))
