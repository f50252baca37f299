import type {
  Action,
  FeedbackHandlerClient,
  SubmitFeedbackRequest,
  SubmitFeedbackResponse,
} from "../gen/adplatform/v1/feedback_handler.js";
import { waiting } from "./connect.js";
import { refusalOf } from "./refusal.js";
import type { Settings } from "./settings.js";
import { shortName, type Tally } from "./tally.js";

const atOnce = 16;

/** Sends the feedback on several ads at once, that on one ad in order. */
export class Actors {
  readonly #running = new Set<Promise<void>>();

  constructor(
    private readonly client: FeedbackHandlerClient,
    private readonly settings: Settings,
    private readonly tally: Tally,
  ) {}

  /** Sends the feedback on one ad in the background; waits while there is too much of that. */
  async act(requestId: string, receipt: Uint8Array): Promise<void> {
    while (this.#running.size >= atOnce) await Promise.race(this.#running);
    const acting = this.#actAll(requestId, receipt).finally(() => this.#running.delete(acting));
    this.#running.add(acting);
  }

  /** Waits for what is in flight. */
  async done(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #actAll(requestId: string, receipt: Uint8Array): Promise<void> {
    for (const action of this.settings.actions) {
      if (this.tally.stopped) return;
      try {
        this.tally.feedback(action, await this.#submit({ receipt, action }));
      } catch (problem) {
        this.tally.refused(`request_id=${requestId} action=${shortName(action)}`, refusalOf(problem));
        return;
      }
    }
  }

  #submit(request: SubmitFeedbackRequest): Promise<SubmitFeedbackResponse> {
    return new Promise((resolve, reject) => {
      this.client.submitFeedback(request, waiting(), { deadline: Date.now() + this.settings.deadlineMs }, (problem, answer) =>
        problem ? reject(problem) : resolve(answer),
      );
    });
  }
}
