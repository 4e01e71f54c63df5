# Tells which release answers, and what Rake and Sidekiq have left.
class NotesController < ActionController::API
  REVISION = Rails.root.join("REVISION").read.strip

  def index
    render json: {
      revision: REVISION,
      cell: ENV.fetch("CELL"),
      price: Price::VERSION,
      notes: Note.order(:id).pluck(:text),
      stylesheet: ActionController::Base.helpers.asset_path("cell.css")
    }
  end
end
