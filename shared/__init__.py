"""What every function shares: settings, model, plan, guard, apply, firewall."""
