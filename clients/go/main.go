// An app: it asks for ads, shows them, and tells what its user did with them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	pb "example.com/adapp/gen/adplatformv1"
)

//go:generate buf generate

var errStopped = errors.New("nothing more will be answered")

func main() {
	app, err := fromEnvironment()
	if err != nil {
		fmt.Fprintln(os.Stderr, "adapp:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := app.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "adapp:", err)
		os.Exit(1)
	}
}

// run asks and acts until everything has its answer; it fails if anything was refused.
func (app *settings) run(ctx context.Context) error {
	ads, err := app.connect(app.adServer)
	if err != nil {
		return err
	}
	defer ads.Close()
	handler, err := app.connect(app.feedbackHandler)
	if err != nil {
		return err
	}
	defer handler.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	told := &tally{stop: func() { cancel(errStopped) }, charged: map[string]int64{}}
	acting := newActors(ctx, pb.NewFeedbackHandlerClient(handler), app, told)
	if app.receipt != nil {
		acting.act("", app.receipt)
	} else {
		err = app.ask(ctx, pb.NewAdServerClient(ads), func(answer *pb.StreamAdsResponse) {
			for _, ad := range told.answer(answer) {
				acting.act(ad.RequestId, ad.Receipt)
			}
		})
	}
	acting.wait()
	if err != nil && context.Cause(ctx) != errStopped {
		told.refused("sequence=all", refusalOf(err))
	}
	return told.summary()
}
