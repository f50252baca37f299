package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	pb "example.com/adapp/gen/adplatformv1"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	maxCount   = 100_000
	maxSeconds = 600
)

type settings struct {
	adServer, feedbackHandler string
	token                     string
	transport                 credentials.TransportCredentials
	deadline                  time.Duration // of a call over all attempts, and of one stream
	request                   *pb.ServeAdRequest
	count                     int
	actions                   []pb.Action
	receipt                   []byte // nil: ask for ads
}

// fromEnvironment reads the settings that README.md lists.
func fromEnvironment() (*settings, error) {
	app := &settings{
		adServer:        get("AD_SERVER", "localhost:50051"),
		feedbackHandler: get("FEEDBACK_HANDLER", "localhost:50052"),
		token:           os.Getenv("TOKEN"),
		transport:       insecure.NewCredentials(),
		request:         &pb.ServeAdRequest{UserId: get("USER_ID", "u1"), City: os.Getenv("CITY")},
	}
	authority := os.Getenv("TLS_CA")
	if app.token != "" && authority == "" {
		return nil, fmt.Errorf("TOKEN needs TLS_CA: a token is never sent in clear")
	}
	var err error
	if authority != "" {
		if app.transport, err = credentials.NewClientTLSFromFile(authority, ""); err != nil {
			return nil, err
		}
	}
	if app.count, err = strconv.Atoi(get("COUNT", "1")); err != nil || app.count < 1 || app.count > maxCount {
		return nil, fmt.Errorf("COUNT is not a number from 1 to %d", maxCount)
	}
	seconds, err := strconv.Atoi(get("DEADLINE", "10"))
	if err != nil || seconds < 1 || seconds > maxSeconds {
		return nil, fmt.Errorf("DEADLINE is not a number of seconds from 1 to %d", maxSeconds)
	}
	app.deadline = time.Duration(seconds) * time.Second
	for _, name := range strings.Split(get("ACTIONS", "VIEW,CLICK"), ",") {
		action, known := pb.Action_value["ACTION_"+name]
		if !known {
			return nil, fmt.Errorf("ACTIONS: %q is none of VIEW, CLICK, ACQUISITION", name)
		}
		app.actions = append(app.actions, pb.Action(action))
	}
	if text := os.Getenv("RECEIPT"); text != "" {
		if app.receipt, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, fmt.Errorf("RECEIPT is not base64")
		}
	}
	return app, nil
}

func get(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
