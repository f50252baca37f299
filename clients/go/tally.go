package main

import (
	"fmt"
	"strings"
	"sync"

	pb "example.com/adapp/gen/adplatformv1"
)

// tally prints what happens, a line each, and counts it.
type tally struct {
	mutex                                 sync.Mutex
	stop                                  func()
	answers, ads, noAds, feedbacks, fails int
	charged                               map[string]int64 // nanos, by serve and action: a repeat is no second charge
}

// answer tells of an answer of the ad server, and returns its ads.
func (t *tally) answer(answer *pb.StreamAdsResponse) []*pb.Ad {
	if problem := answer.GetError(); problem != nil {
		t.refused(fmt.Sprintf("sequence=%d", answer.Sequence), refusalIn(problem))
		return nil
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.answers++
	ads := answer.GetResponse().GetAds()
	if len(ads) == 0 {
		t.noAds++
		reason := strings.TrimPrefix(answer.GetResponse().GetNoAdReason().String(), "NO_AD_REASON_")
		fmt.Printf("no-ad sequence=%d reason=%s\n", answer.Sequence, reason)
	}
	for _, ad := range ads {
		t.ads++
		fmt.Printf("ad sequence=%d request_id=%s campaign_id=%s text=%s\n",
			answer.Sequence, ad.RequestId, ad.CampaignId, strings.Join(strings.Fields(ad.Text), " "))
	}
	return ads
}

// feedback tells of an answer of the feedback handler.
func (t *tally) feedback(action pb.Action, answer *pb.SubmitFeedbackResponse) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.feedbacks++
	t.charged[answer.RequestId+action.String()] = answer.ChargedNanos
	fmt.Printf("feedback request_id=%s action=%s charged_nanos=%d repeat=%t\n",
		answer.RequestId, shortName(action), answer.ChargedNanos, answer.Repeat)
}

// refused tells of something that was not done, and ends the program if no more can be.
func (t *tally) refused(what string, why refusal) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.fails++
	fmt.Printf("refused %s reason=%s field=%s then=%s\n", what, why.reason, why.field, why.then)
	if why.then == stop {
		t.stop()
	}
}

// summary prints the sums; it is an error that something was refused.
func (t *tally) summary() error {
	var chargedNanos int64
	for _, nanos := range t.charged {
		chargedNanos += nanos
	}
	fmt.Printf("summary answers=%d ads=%d no_ads=%d feedback=%d charged_nanos=%d refused=%d\n",
		t.answers, t.ads, t.noAds, t.feedbacks, chargedNanos, t.fails)
	if t.fails > 0 {
		return fmt.Errorf("%d refused", t.fails)
	}
	return nil
}

func shortName(action pb.Action) string { return strings.TrimPrefix(action.String(), "ACTION_") }
