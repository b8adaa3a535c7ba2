package audit

// promises are what we told others: a shop by its keys, the provider by acknowledgements.
func (a *auditor) promises() {
	for _, key := range a.ours.twice {
		a.find("key %s leads to more than one row", key)
	}
	byName := map[string]*payment{}
	for _, p := range a.ours.payments {
		byName[p.name()] = p
	}
	for _, t := range a.c.Told {
		switch t.Object {
		case "customer":
			if !a.ours.customers[t.ID] {
				a.find("key %s was answered customer %s, who is not there", t.Key, t.ID)
			}
		case "payment_method":
			if a.ours.methods[t.ID] == nil {
				a.find("key %s was answered payment method %s, which is not there", t.Key, t.ID)
			}
		case "order":
			if a.ours.orders[t.ID] == nil {
				a.find("key %s was answered order %s, which is not there", t.Key, t.ID)
			}
		case "payment":
			p := byName[t.ID]
			if p == nil {
				a.find("key %s was answered payment %s, which is not there", t.Key, t.ID)
			} else if t.Succeeded && p.Status != "succeeded" {
				a.find("payment %s was called succeeded and is %s", t.ID, p.Status)
			}
		case "refund":
			r := a.ours.refunds[t.ID] // our reference at the provider is the refund's name
			if r == nil {
				a.find("key %s was answered refund %s, which is not there", t.Key, t.ID)
			} else if t.Succeeded && r.Status != "succeeded" {
				a.find("refund %s was called succeeded and is %s", t.ID, r.Status)
			}
		}
	}
	for _, d := range a.c.Deliveries {
		if d.Acknowledged && d.Kind != "forged" && !a.ours.noted[d.TransactionID] {
			a.find("the notification of %s was acknowledged and is not stored", d.TransactionID)
		}
	}
}
