//! The sandbox over real HTTP, on ports of its own. It never talks to the real gateway.

#[cfg(test)]
mod gateway;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod process;
#[cfg(test)]
mod webhooks;
