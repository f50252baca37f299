import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

import type {
  AdServerClient,
  StreamAdsRequest,
  StreamAdsResponse,
} from "../gen/adplatform/v1/ad_server.js";
import { waiting } from "./connect.js";
import { isPassing, type Refusal, refusalIn, refusalOf } from "./refusal.js";
import type { Settings } from "./settings.js";

const fruitlessTries = 5;
const firstPauseMs = 200;

/** The ad server does not answer, or does not want to. */
export class StreamFailed extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.reason);
  }
}

/**
 * Sends the request `count` times over a stream; yields each answer once, in whatever order they come.
 *
 * A stream that ends early is opened again, and what had no answer is sent again: an ad that is not shown is not
 * billed. Throws StreamFailed.
 */
export async function* ask(
  client: AdServerClient,
  { request, count, deadlineMs }: Settings,
): AsyncGenerator<StreamAdsResponse> {
  const open = new Set(Array.from({ length: count }, (_, index) => BigInt(index + 1)));
  let fruitless = 0;
  while (open.size) {
    const before = open.size;
    let ending: Refusal = { reason: "UNAVAILABLE", field: "", then: "later", waitMs: 0 };
    const stream = client.streamAds(waiting(), { deadline: Date.now() + deadlineMs });
    const messages = Array.from(open, (sequence): StreamAdsRequest => ({ sequence, request }));
    Readable.from(messages).pipe(stream as unknown as NodeJS.WritableStream);
    try {
      for await (const answer of stream as AsyncIterable<StreamAdsResponse>) {
        if (answer.error && isPassing(answer.error.code)) {
          ending = refusalIn(answer.error);
        } else if (open.delete(answer.sequence)) {
          yield answer;
        }
      }
    } catch (problem) {
      ending = refusalOf(problem);
      if (ending.then !== "later") throw new StreamFailed(ending);
    } finally {
      stream.cancel();
    }
    fruitless = open.size < before ? 0 : fruitless + 1;
    if (fruitless === fruitlessTries) throw new StreamFailed(ending);
    if (open.size) await pause(Math.min(deadlineMs, ending.waitMs) + Math.random() * firstPauseMs * 2 ** fruitless);
  }
}
