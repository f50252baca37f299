package main

import (
	"context"
	"sync"

	pb "example.com/adapp/gen/adplatformv1"
)

const atOnce = 16

// actors send the feedback on several ads at once, that on one ad in order.
type actors struct {
	ctx    context.Context
	client pb.FeedbackHandlerClient
	app    *settings
	told   *tally
	room   chan struct{}
	group  sync.WaitGroup
}

func newActors(ctx context.Context, client pb.FeedbackHandlerClient, app *settings, told *tally) *actors {
	return &actors{ctx: ctx, client: client, app: app, told: told, room: make(chan struct{}, atOnce)}
}

// act sends the feedback on one ad in the background; it waits while there is too much of that.
func (a *actors) act(requestID string, receipt []byte) {
	a.room <- struct{}{}
	a.group.Go(func() {
		defer func() { <-a.room }()
		for _, action := range a.app.actions {
			if !a.submit(requestID, receipt, action) {
				return
			}
		}
	})
}

func (a *actors) submit(requestID string, receipt []byte, action pb.Action) bool {
	ctx, cancel := context.WithTimeout(a.ctx, a.app.deadline)
	defer cancel()
	answer, err := a.client.SubmitFeedback(ctx, &pb.SubmitFeedbackRequest{Receipt: receipt, Action: action})
	if err != nil {
		a.told.refused("request_id="+requestID+" action="+shortName(action), refusalOf(err))
		return false
	}
	a.told.feedback(action, answer)
	return true
}

func (a *actors) wait() { a.group.Wait() }
