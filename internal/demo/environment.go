package demo

import (
	"strings"

	"tillway/internal/config"
	"tillway/internal/sandbox"
)

// environment is what the service is configured by.
func (d *demo) environment() map[string]string {
	environ := map[string]string{
		"LISTEN_ADDR":          d.net.api.address,
		"ADMIN_ADDR":           d.net.admin.address,
		"PUBLIC_URL":           d.net.api.url,
		"DATABASE_URL":         d.net.databaseURL,
		"REDIS_URL":            d.net.redisURL,
		"RETURN_URL_ALLOWLIST": d.net.shop.url,
		"DATA_KEY":             d.secrets.DataKey,
		"RETURN_SECRET":        d.secrets.ReturnSecret,
		"API_KEYS": "storefront:" + d.secrets.StorefrontKey +
			",ops:" + d.secrets.OpsKey + ",admin:" + d.secrets.AdminKey,
		"LOCAL_PAYMENT_METHODS": "iDEAL,PromptPay,Konbini,SEPADD,WebMoney", // what the simulator knows

		"ONERWAY_BASE_URL":    d.net.sandbox.url,
		"ONERWAY_MERCHANT_NO": sandbox.DefaultMerchantNo,
		"ONERWAY_APP_ID":      sandbox.DefaultAppID,
		"ONERWAY_SECRET_KEY":  sandbox.DefaultSecretKey,
	}
	for name, value := range d.Environ {
		if name == "LOG_LEVEL" || strings.HasPrefix(name, "OTEL_") {
			environ[name] = value
		}
	}
	return environ
}

// given reads DATABASE_URL and REDIS_URL of the process, the *_FILE forms too. Everything else there is not for us.
func given(environ map[string]string) (databaseURL, redisURL string, err error) {
	stores := make(map[string]string)
	for _, name := range []string{"DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE"} {
		stores[name] = environ[name]
	}
	cfg, err := config.Load(stores)
	return cfg.DatabaseURL.Reveal(), cfg.RedisURL.Reveal(), err
}
