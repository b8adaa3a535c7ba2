package config

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis only makes us faster, so waiting for it must cost less than doing without it.
const (
	redisDialTimeout = time.Second
	redisTimeout     = 500 * time.Millisecond
)

// RedisOptions reads REDIS_URL into options for redis.NewUniversalClient: one redis://, rediss:// or unix:// URL; a
// comma list of nodes for Cluster; with ?master_name= a list of sentinels. A single address of a cluster says
// ?cluster=true.
//
// Commands are not retried by the client: a script whose answer was lost would run twice, and every caller has an
// answer for "Redis is gone" anyway.
func (c Config) RedisOptions() (*redis.UniversalOptions, error) {
	const remedy = "write redis://[user:password@]host:port/db, rediss://…, unix:///path, or several separated by commas"
	var (
		options *redis.UniversalOptions
		addrs   []string
		tls     bool
	)
	for item := range strings.SplitSeq(c.RedisURL.Reveal(), ",") {
		one, err := parseRedisURL(strings.TrimSpace(item))
		if err != nil {
			// The chain is cut: the parsers quote the part that they stumble over, which may be the password.
			return nil, malformed(remedy, "has an item %d that is not a Redis URL", len(addrs)+1)
		}
		oneTLS := one.TLSConfig != nil
		if options == nil {
			options, tls = one, oneTLS
		}
		if oneTLS != tls {
			return nil, malformed("write rediss:// for all nodes or for none", "mixes redis:// and rediss://")
		}
		addrs = append(addrs, one.Addrs...)
	}
	options.Addrs = addrs
	cluster := options.MasterName == "" && (len(addrs) > 1 || options.IsClusterMode)
	if cluster && options.DB != 0 {
		return nil, malformed("leave the database out", "chooses a database, which Redis Cluster does not have")
	}
	if options.TLSConfig != nil && (cluster || options.MasterName != "") {
		// Nodes are dialed under names of their own; one fixed name would fail all but one.
		options.TLSConfig.ServerName = ""
	}
	return options, nil
}

func parseRedisURL(item string) (*redis.UniversalOptions, error) {
	u, err := url.Parse(item)
	if err != nil {
		return nil, err
	}
	if u.Hostname() == "" && (u.Scheme == "redis" || u.Scheme == "rediss") {
		return nil, errors.New("no host is named") // go-redis would take this machine for it
	}
	// go-redis has a parser per kind of client and refuses the parameters of the others; these four are ours to read.
	query := u.Query()
	master, cluster := query.Get("master_name"), query.Get("cluster") == "true"
	sentinelUser, sentinelPassword := query.Get("sentinel_username"), query.Get("sentinel_password")
	for _, name := range []string{"master_name", "cluster", "sentinel_username", "sentinel_password"} {
		query.Del(name)
	}
	u.RawQuery = query.Encode()

	single, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, err
	}
	return &redis.UniversalOptions{
		Addrs:            []string{single.Addr},
		DB:               single.DB,
		Username:         single.Username,
		Password:         single.Password,
		Protocol:         single.Protocol,
		ClientName:       single.ClientName,
		TLSConfig:        single.TLSConfig,
		MasterName:       master,
		IsClusterMode:    cluster,
		SentinelUsername: sentinelUser,
		SentinelPassword: sentinelPassword,
		PoolSize:         single.PoolSize,

		DialTimeout:           positive(single.DialTimeout, redisDialTimeout),
		DialerRetries:         1,
		ReadTimeout:           positive(single.ReadTimeout, redisTimeout),
		WriteTimeout:          positive(single.WriteTimeout, redisTimeout),
		PoolTimeout:           positive(single.PoolTimeout, redisDialTimeout),
		MaxRetries:            -1,
		ContextTimeoutEnabled: true,
		// The client otherwise asks every new connection for a feature of hosted Redis that we do not use.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}, nil
}

// positive keeps a chosen timeout, but not the choice of none at all.
func positive(chosen, fallback time.Duration) time.Duration {
	if chosen > 0 {
		return chosen
	}
	return fallback
}
