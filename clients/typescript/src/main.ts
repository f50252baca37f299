// An app: it asks for ads, shows them, and tells what its user did with them.
import { AdServerClient } from "../gen/adplatform/v1/ad_server.js";
import { FeedbackHandlerClient } from "../gen/adplatform/v1/feedback_handler.js";
import { ask, StreamFailed } from "./ask.js";
import { credentialsOf, serviceConfig } from "./connect.js";
import { Actors } from "./feedback.js";
import { fromEnvironment, type Settings } from "./settings.js";
import { Tally } from "./tally.js";

/** Asks for ads and sends feedback on those that come, or only on the receipt that the settings name. */
async function run(settings: Settings): Promise<Tally> {
  const options = { "grpc.service_config": serviceConfig };
  const credentials = credentialsOf(settings);
  const ads = new AdServerClient(settings.adServer, credentials, options);
  const handler = new FeedbackHandlerClient(settings.feedbackHandler, credentials, options);
  const tally = new Tally();
  const actors = new Actors(handler, settings, tally);
  try {
    if (settings.receipt) {
      await actors.act("", settings.receipt);
    } else {
      for await (const answer of ask(ads, settings)) {
        for (const ad of tally.answer(answer)) await actors.act(ad.requestId, ad.receipt);
        if (tally.stopped) break;
      }
    }
  } catch (problem) {
    if (!(problem instanceof StreamFailed)) throw problem;
    tally.refused("sequence=all", problem.refusal);
  } finally {
    await actors.done();
    ads.close();
    handler.close();
  }
  return tally;
}

function end(code: number, why: string): void {
  console.error(`adapp: ${why}`);
  process.exitCode = code;
}

try {
  const tally = await run(fromEnvironment());
  tally.summary();
  if (tally.fails) end(1, `${tally.fails} refused`);
} catch (problem) {
  end(2, problem instanceof Error ? problem.message : String(problem));
}
