import { readFileSync } from "node:fs";
import { env } from "node:process";

import { ServeAdRequest } from "../gen/adplatform/v1/ad_server.js";
import { Action } from "../gen/adplatform/v1/feedback_handler.js";

const maxCount = 100_000;
const maxSeconds = 600;
const actions: Readonly<Record<string, Action>> = {
  VIEW: Action.VIEW,
  CLICK: Action.CLICK,
  ACQUISITION: Action.ACQUISITION,
};

/** Whom to ask, how, for whom, and what the user does. */
export interface Settings {
  readonly adServer: string;
  readonly feedbackHandler: string;
  readonly token: string;
  readonly authority: Buffer | undefined;
  /** Of a call over all attempts, and of one stream. */
  readonly deadlineMs: number;
  readonly request: ServeAdRequest;
  readonly count: number;
  readonly actions: readonly Action[];
  /** Send feedback on this, and ask for no ads. */
  readonly receipt: Buffer | undefined;
}

/** Reads the settings that README.md lists. Throws an Error with a sentence for people. */
export function fromEnvironment(): Settings {
  const token = env.TOKEN || "";
  if (token && !env.TLS_CA) throw new Error("TOKEN needs TLS_CA: a token is never sent in clear");
  return {
    adServer: env.AD_SERVER || "localhost:50051",
    feedbackHandler: env.FEEDBACK_HANDLER || "localhost:50052",
    token,
    authority: env.TLS_CA ? readFileSync(env.TLS_CA) : undefined,
    deadlineMs: 1_000 * numberIn("DEADLINE", env.DEADLINE || "10", maxSeconds),
    request: ServeAdRequest.fromPartial({ userId: env.USER_ID || "u1", city: env.CITY || "" }),
    count: numberIn("COUNT", env.COUNT || "1", maxCount),
    actions: (env.ACTIONS || "VIEW,CLICK").split(",").map(actionNamed),
    receipt: env.RECEIPT ? receiptIn(env.RECEIPT) : undefined,
  };
}

function numberIn(name: string, text: string, most: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > most) {
    throw new Error(`${name} is not a number from 1 to ${most}`);
  }
  return number;
}

function actionNamed(name: string): Action {
  const action = actions[name];
  if (!action) throw new Error(`ACTIONS: "${name}" is none of ${Object.keys(actions).join(", ")}`);
  return action;
}

function receiptIn(text: string): Buffer {
  const receipt = Buffer.from(text, "base64");
  if (receipt.toString("base64") !== text) throw new Error("RECEIPT is not base64");
  return receipt;
}
