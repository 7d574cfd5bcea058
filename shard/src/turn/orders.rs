//! What the control core tells the shard to do.

use std::sync::Arc;

use super::Shard;
use super::desk::Wish;
use super::inspect::Inspection;
use super::transit::{self, Relocation};
use super::{admit, house, moves, operations};
use crate::driver::Driver;
use crate::launch::Order;
use crate::proto::text::{self, Reason};
use crate::session::Connection;
use crate::settings::Settings;
use crate::slot::Slot;

impl<D: Driver> Shard<D> {
    pub(super) fn take_orders(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Settings(settings) => self.reload(settings),
                Order::StopListening => {
                    self.listening = false;
                    self.accept_again_at = None;
                    self.driver.listen(false);
                }
                Order::AnnounceLameDuck => self.announce_lame_duck(),
                Order::CloseClients(count) => self.close_clients(count),
                Order::CloseExcess(count) => self.close_excess(count),
                Order::Acknowledge(acknowledged) => {
                    // Who was to be closed counts no more.
                    moves::bury(&mut self.core);
                    acknowledged();
                }
                Order::PasswordChecked { slot, is_right } => {
                    admit::password_checked(&mut self.core, slot, is_right);
                }
                Order::Inspect(question, reply) => {
                    self.core.inspections.push_back(Inspection::new(question, reply));
                }
                Order::Relocate { account, to, count } => {
                    self.core.relocations.push(Relocation::new(account, to, count));
                }
                Order::Attend { account, pattern, service } => {
                    house::attend(&mut self.core, account, &pattern, house::Service::Control(service));
                }
                Order::Publish { account, subject, reply, body } => {
                    house::publish(&mut self.core, account, &subject, &reply, b"", &body);
                }
                Order::Shutdown => {
                    transit::stop(&mut self.core, &mut self.driver);
                    self.listening = false;
                    self.driver.listen(false);
                    self.core.stopping = true;
                    self.close_clients(usize::MAX);
                }
            }
        }
    }

    /// Uses other settings. Where accounts or users changed, those who would no longer be let in are cut, and
    /// the others may do what their users may do now. Source: nats-server `reload.go:reloadAuthorization`.
    fn reload(&mut self, settings: Arc<Settings>) {
        let before = Arc::clone(&self.core.settings);
        self.core.adopt(settings);
        if !Arc::ptr_eq(&before.directory, &self.core.settings.directory) {
            let slots = self.open(|_| true);
            admit::reconsider(&mut self.core, &before.directory, slots);
            house::reconsider(&mut self.core);
            let slots = self.open(|_| true);
            admit::close_excess(&mut self.core, &slots);
        }
        for slot in self.open(|_| true) {
            admit::refresh_bounds(&mut self.core, slot.index);
        }
    }

    fn announce_lame_duck(&mut self) {
        self.core.lame_duck = true;
        for slot in self.open(|connection| connection.connect.protocol >= 1) {
            operations::send_info(&mut self.core, slot.index, None);
        }
    }

    /// Closes clients that are more than may be. Source: nats-server `reload.go:maxConnOption.Apply`.
    fn close_excess(&mut self, count: usize) {
        for slot in self.open(|_| true).into_iter().take(count) {
            let desk = &mut self.core.desk;
            desk.write_error(slot.index, text::MAXIMUM_CONNECTIONS_EXCEEDED);
            desk.doom(slot, Reason::MaximumConnectionsExceeded);
        }
    }

    fn close_clients(&mut self, count: usize) {
        for slot in self.open(|_| true).into_iter().take(count) {
            self.core.desk.doom(slot, Reason::ServerShutdown);
        }
        if self.core.stopping {
            let lingering = self.core.desk.connections.iter().filter(|connection| connection.lingering);
            let slots: Vec<Slot> = lingering.map(|connection| connection.slot).collect();
            self.core.desk.wishes.extend(slots.into_iter().map(Wish::Close));
        }
    }

    /// Connections that are not about to end.
    fn open(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<Slot> {
        let is_open = |connection: &&Connection| connection.closing.is_none() && !connection.is_guest();
        let open = self.core.desk.connections.iter().filter(is_open);
        open.filter(|connection| wanted(connection)).map(|connection| connection.slot).collect()
    }
}
